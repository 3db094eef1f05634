"""How good forecasts are: metrics, baselines and the verdict."""
