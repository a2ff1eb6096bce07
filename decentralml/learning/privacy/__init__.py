"""Differential privacy: what one contributor sent changes what is published by a bounded little.

``clip``        bounds an update's length
``noise``       Gaussian noise that nobody can predict or make again
``central``     a strategy by which the creator adds the noise, once, to the sum
``local``       a contributor adds noise to its own update before anybody sees it
``accountant``  epsilon after so many rounds, and the noise for an epsilon
"""
