"""Numbers over time: tables of series, and forecasts of them."""
