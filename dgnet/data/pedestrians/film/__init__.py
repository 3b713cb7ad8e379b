"""Films of built-in pedestrians who walk through the scenes of cameras, with the truth of who is where.

spec.py      the numbers that describe a set of films
camera.py    a camera above a ground: where a point of the world is in its picture
walks.py     who walks where and when
sprite.py    a person, or an object of the scene, as seen by a camera
ground.py    what never moves: the ground and what stands at its far end
objects.py   columns, trees and lamps, which hide who walks behind them
frames.py    the pictures of a camera, one after the other, with the true boxes
boxes.py     boxes as a detector gives them: moved, missed and invented
"""
