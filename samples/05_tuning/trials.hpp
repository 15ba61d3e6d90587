// The training jobs of a tuning job as text.
#pragma once

#include <string>
#include <vector>

#include <sagemaker/sagemaker.hpp>

// A line for each training job, the first one first: its number, the hyperparameters that were chosen for it,
// the objective with a bar from the lowest to the highest one, '*' where it was the best so far, and what
// became of the job unless it ended by itself.
std::string trial_table(std::vector<sagemaker::TuningJobRow> rows);
