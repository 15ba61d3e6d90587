# The catalog of images.
sagemaker_test(images_catalog SOURCES images_catalog.cpp LINKS emulator_images LABELS unit emulator)
