# The catalog of images.
sagemaker_test(images_catalog SOURCES images_catalog.cpp LINKS emulator_images LABELS unit emulator)
# What the images of script mode share.
sagemaker_test(images_script SOURCES images_script.cpp LINKS sagemaker_script_image LABELS unit emulator)
