# The S3 client's transfers against a real sagemaker-local.
sagemaker_test(s3_transfer SOURCES s3_transfer.cpp s3_transfer_folders.cpp LABELS emulator)
add_dependencies(test_s3_transfer sagemaker-local)
