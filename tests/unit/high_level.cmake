# The high-level API against scripted services: what is sent, in which order, and what becomes of the answers.
sagemaker_test(high_level_data SOURCES high_level_data.cpp LABELS unit)
sagemaker_test(high_level_sources SOURCES high_level_sources.cpp LABELS unit)
sagemaker_test(high_level_session SOURCES high_level_session.cpp LABELS unit)
sagemaker_test(high_level_training SOURCES high_level_training.cpp LABELS unit)
sagemaker_test(high_level_hosting SOURCES high_level_hosting.cpp LABELS unit)
sagemaker_test(high_level_local SOURCES high_level_local.cpp LABELS unit)
sagemaker_test(high_level_options SOURCES high_level_options.cpp LABELS unit)
sagemaker_test(high_level_following SOURCES high_level_following.cpp LINKS util LABELS unit)
