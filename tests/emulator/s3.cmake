# The S3 client against a real sagemaker-local: its single operations, and its transfers.
sagemaker_test(s3_objects SOURCES s3_objects.cpp LABELS emulator)
sagemaker_test(s3_transfer SOURCES s3_transfer.cpp s3_transfer_folders.cpp LABELS emulator)
add_dependencies(test_s3_objects sagemaker-local)
add_dependencies(test_s3_transfer sagemaker-local)
