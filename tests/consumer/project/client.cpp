// What a user's first program does, against the emulator that was built here.
#include <iostream>

#include <sagemaker/sagemaker.hpp>

std::string name_in_the_second_file(const sagemaker::Session& session);

int main() {
  const sagemaker::LocalEmulator emulator;
  const sagemaker::Session session = emulator.session();
  const sagemaker::S3Uri object = session.default_location() / "greeting.txt";
  session.upload_string("hello from a consumer", object);
  const std::string text = session.read_s3_file(object);
  const auto jobs = session.sagemaker().list_training_jobs();
  std::cout << name_in_the_second_file(session) << ": " << text << ", " << jobs.at("TrainingJobSummaries").size()
            << " training jobs\n";
  return text == "hello from a consumer" && jobs.at("TrainingJobSummaries").empty() ? 0 : 1;
}
