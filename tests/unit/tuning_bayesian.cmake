# Bayesian search.
sagemaker_test(tuning_bayesian SOURCES tuning_bayesian.cpp LINKS emulator_tuning LABELS unit)
