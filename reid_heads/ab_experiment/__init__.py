"""Do generated images help? A re-ID model trained with and without them: settings, data, runs and outcome."""
