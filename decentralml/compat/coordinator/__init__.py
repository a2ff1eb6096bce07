"""A XAIN 0.8 coordinator and aggregator with an ordinary task of the market behind them."""
