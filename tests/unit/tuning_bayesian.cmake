# Bayesian search.
sagemaker_test(tuning_bayesian SOURCES tuning_bayesian.cpp tuning_bayesian_ranges.cpp LINKS emulator_tuning LABELS unit)
