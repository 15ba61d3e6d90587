# How hyperparameters are searched: numbers in, numbers out.
sagemaker_test(tuning_space SOURCES tuning_space.cpp LINKS emulator_tuning LABELS unit)
sagemaker_test(tuning_random SOURCES tuning_random.cpp LINKS emulator_tuning LABELS unit)
sagemaker_test(tuning_stopping SOURCES tuning_stopping.cpp tuning_auto_ranges.cpp LINKS emulator_tuning LABELS unit)
