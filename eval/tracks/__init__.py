"""Tracks of people: IDF1, HOTA and MOTA against the truth; and ranked for a photograph, with the page that shows it."""
