"""Participants written for other frameworks take part here with a changed import."""
