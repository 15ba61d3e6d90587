# The client's HyperparameterTuner against sagemaker-local.
sagemaker_test(tuner_client SOURCES tuner_client.cpp LABELS emulator)
target_compile_definitions(test_tuner_client PRIVATE DOUBLING_PROGRAM="$<TARGET_FILE:doubling_program>")
add_dependencies(test_tuner_client sagemaker-local sagemaker-python-image doubling_program)
