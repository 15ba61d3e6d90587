// A transform job of CSV rows with MultiRecord, on one instance and on two: rows per second from its first
// moment to its last, the start of the containers included. Floor: the same serving program started by hand,
// to which the same bytes are posted in requests of the same size, one after the other.
#include <sagemaker/local.hpp>

#include "tests/bench/serving.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;

constexpr std::size_t payload_bytes_max = 6u << 20;
constexpr int objects = 8;
constexpr int rows_per_object = 4000;  // about nine megabytes

std::string csv_rows(int rows) {
  std::string text;
  for (int row = 0; row < rows; ++row) {
    for (int pixel = 0; pixel < 784; ++pixel) {
      if (pixel > 0) text += ',';
      text += std::to_string((row * 31 + pixel * 7) % 256);
    }
    text += '\n';
  }
  return text;
}

// Milliseconds for all objects, whose rows go in requests as large as a transform job's.
double direct_ms(const std::string& object) {
  const auto start = Steady::now();
  Direct direct;
  for (int count = 0; count < objects; ++count) {
    for (std::size_t begin = 0; begin < object.size();) {
      std::size_t end = std::min(begin + payload_bytes_max, object.size());
      end = object.rfind('\n', end - 1) + 1;
      direct.invoke({"text/csv", object.substr(begin, end - begin)});
      begin = end;
    }
  }
  return ms_since(start);
}

double job_ms(const sm::Session& session, int instances) {
  const std::string name = unique_name("transform");
  const auto start = Steady::now();
  session.sagemaker().create_transform_job(
      {{"TransformJobName", name},
       {"ModelName", "bench"},
       {"BatchStrategy", "MultiRecord"},
       {"TransformInput",
        {{"DataSource", {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", "s3://bench/rows/"}}}}},
         {"ContentType", "text/csv"},
         {"SplitType", "Line"}}},
       {"TransformOutput",
        {{"S3OutputPath", "s3://bench/" + name}, {"Accept", "text/csv"}, {"AssembleWith", "Line"}}},
       {"TransformResources", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", instances}}}});
  sm::WaitOptions options;
  options.poll_interval = std::chrono::milliseconds(5);
  session.sagemaker().wait_for_transform_job(name, options);
  const double took = ms_since(start);
  const std::string output = session.s3().get_object({.bucket = "bench", .key = name + "/0.csv.out"}).body;
  if (std::count(output.begin(), output.end(), '\n') != rows_per_object)
    throw std::runtime_error("an output has not a line for each row");
  return took;
}

void measure() {
  const sm::LocalEmulator emulator;
  const sm::Session session = emulator.session();
  session.s3().create_bucket("bench");
  const std::string object = csv_rows(rows_per_object);
  for (int count = 0; count < objects; ++count)
    session.s3().put_object(
        {.bucket = "bench", .key = "rows/" + std::to_string(count) + ".csv", .body = object});
  session.sagemaker().create_model({{"ModelName", "bench"},
                                    {"ExecutionRoleArn", role_arn()},
                                    {"PrimaryContainer", {{"Image", "file://" + model_program()}}}});
  const auto per_second = [](double ms) { return objects * rows_per_object / ms * 1000; };
  const double direct = per_second(direct_ms(object));
  const double one = per_second(job_ms(session, 1));
  const double two = per_second(job_ms(session, 2));
  const Floor floor{"requests of 6 MB straight to the program", direct};
  print({"transform job, MultiRecord, one instance",
         "row/s",
         one,
         floor,
         {0.7, Judged::ratio, Better::higher}});
  print({"transform job, MultiRecord, two instances", "row/s", two, {"one instance", one}});
  print({"memory of the emulator at its highest", "MB", memory_mb(emulator.pid(), "VmHWM")});
}

}  // namespace

int main() { return run("bench_transform", measure); }
