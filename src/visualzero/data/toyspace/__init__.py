"""toyspace: rendered scenes and CV-Bench-like questions whose answers follow from the scene's geometry.

`scene` places objects on a ground plane, `render` draws them, `questions` asks about them. A scene's split follows from
a digest of its layout, so that no scene can be in two splits whatever the seeds are.
"""
