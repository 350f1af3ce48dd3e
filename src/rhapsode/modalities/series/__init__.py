"""Numbers over time: tables of series, and forecasts of them (DeepAR, Salinas et al. 2017)."""
