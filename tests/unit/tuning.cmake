# How hyperparameters are searched: numbers in, numbers out.
sagemaker_test(tuning_space SOURCES tuning_space.cpp LINKS emulator_tuning LABELS unit)
