"""An A/B experiment: does a re-ID model gain from generated images? Settings, data, runs and results."""
