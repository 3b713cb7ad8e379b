"""Accuracy of tracks of people against the truth: IDF1, HOTA, MOTA, and finding a person among tracks."""
