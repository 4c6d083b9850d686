# Copying part by part. All of it is C: see `_copy_frames.pxd`.
