"""From films and boxes to people: sources of frames, files of boxes, and the gallery of people who were found."""
