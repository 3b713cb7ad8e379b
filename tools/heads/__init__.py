"""What the tools that train and test heads share: figures, runs, options."""
