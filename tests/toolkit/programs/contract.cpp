// A program for the tests of the container contract. The hyperparameter "behaviour" says how training goes,
// the variable HOOKS which hooks there are.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <signal.h>

#include <sagemaker/container.hpp>

namespace sc = sagemaker::container;
namespace fs = std::filesystem;

namespace {

struct DoublerImpl : torch::nn::Module {
  DoublerImpl() { factor = register_parameter("factor", torch::ones({1})); }
  torch::Tensor forward(const torch::Tensor& rows) { return rows * factor; }
  torch::Tensor factor;
};
TORCH_MODULE(Doubler);

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

Doubler train(const sc::TrainingEnvironment& env) {
  const auto behaviour = env.hyperparameter<std::string>("behaviour", "succeed");
  std::cout << "training: " << behaviour << "\n";
  if (behaviour == "throw") throw std::runtime_error("the data is \"sour\"");
  if (behaviour == "throw in torch") torch::ones({2, 3}).matmul(torch::ones({2, 3}));
  if (behaviour == "throw in a thread")
    std::thread([] { throw std::logic_error("lost in a thread"); }).join();
  if (behaviour == "exit") std::exit(3);
  if (behaviour == "kill") ::raise(SIGKILL);
  if (behaviour == "ask") {
    while (!env.stop_requested()) sleep_ms(5);
  }
  while (behaviour == "ignore") sleep_ms(5);
  if (behaviour == "variables") {
    for (const char* name : {"SM_MODEL_DIR", "SM_CHANNEL_TRAINING", "SM_HP_FACTOR", "SM_CURRENT_HOST"}) {
      std::cout << name << "=" << (std::getenv(name) ? std::getenv(name) : "") << "\n";
    }
  }
  Doubler model;
  const torch::NoGradGuard no_grad;
  model->factor.fill_(env.hyperparameter("factor", 2.0));
  return model;
}

torch::jit::Module train_script(const sc::TrainingEnvironment&) {
  torch::jit::Module model("Doubler");
  model.define("def forward(self, rows):\n  return rows * 2\n");
  return model;
}

// Each row of the answer: the sum of the row, and how many rows shared the call. A row of -1 waits for the
// file "release".
torch::Tensor predict_and_count(const torch::Tensor& batch, Doubler&) {
  std::cout << "predict_fn: " << batch.size(0) << " rows\n";
  const fs::path release = std::getenv("RELEASE") ? std::getenv("RELEASE") : "";
  if (batch.eq(-1).any().item<bool>()) {
    std::cout << "waiting" << std::endl;
    while (!fs::exists(release)) sleep_ms(2);
  }
  if (batch.eq(-2).any().item<bool>()) throw std::runtime_error("minus two is not welcome");
  if (batch.eq(-3).any().item<bool>()) throw sc::RequestError(422, "minus three is out of range");
  const torch::Tensor sums = batch.sum(1, true);
  return torch::cat({sums, torch::full_like(sums, static_cast<double>(batch.size(0)))}, 1);
}

torch::Tensor input_and_count(const std::string& body, const std::string& content_type) {
  const torch::Tensor rows = sc::decode(body, content_type);
  std::cout << "input_fn\n";
  return rows;
}

sc::Output shout(Doubler& model, const std::string& body, const std::string& content_type,
                 const std::string& accept) {
  if (body == "fail") throw std::runtime_error("transform_fn failed");
  return {body + "! " + content_type + " " + accept + " " + std::to_string(model->factor.item<float>()),
          "text/loud"};
}

Doubler refuse(const fs::path& model_dir) {
  throw std::runtime_error("no model is good enough in " + model_dir.string());
}

// ---- hooks with a context: the request's headers, the answer's status and headers, pieces ---------

Doubler load_with_context(const fs::path& model_dir, sc::Context& context) {
  std::cout << "model_fn: " << model_dir.filename().string() << " on " << context.device().str() << "\n";
  Doubler model;
  const torch::NoGradGuard no_grad;
  model->factor.fill_(3.0);
  return model;
}

torch::Tensor input_with_context(const std::string& body, const std::string& content_type,
                                 sc::Context& context) {
  if (context.request_header("x-amzn-sagemaker-inference-id") == "refused") {
    throw sc::RequestError(422, "this inference is refused");
  }
  context.set_header("X-Seen", context.custom_attributes());
  return sc::decode(body, content_type);
}

sc::OutputStream count_up(const torch::Tensor& prediction, const std::string&, sc::Context& context) {
  const int last = static_cast<int>(prediction.item<float>());
  if (last == 0) throw std::runtime_error("nothing to count");
  context.set_custom_attributes("counting");
  context.set_status(201);
  return {[last, next = 1]() mutable -> std::optional<std::string> {
            if (last < 0) throw std::runtime_error("before the first piece");
            if (next > last) return std::nullopt;
            if (next == 13) throw std::runtime_error("thirteen");
            if (next == 6) {
              while (!fs::exists(std::getenv("RELEASE"))) sleep_ms(2);
            }
            return std::to_string(next++) + " ";
          },
          "text/count"};
}

// A model of a multi-model endpoint: the file "factor" says by how much it multiplies, "megabytes" how large
// it is.
Doubler load_factor(const fs::path& model_dir) {
  const auto number = [&](const char* file) {
    std::ifstream stream(model_dir / file);
    double value = 0;
    return stream >> value ? value : 0.0;
  };
  if (fs::exists(model_dir / "broken")) throw std::runtime_error("this model is broken");
  Doubler model;
  const torch::NoGradGuard no_grad;
  model->factor.fill_(number("factor"));
  const auto floats = static_cast<std::int64_t>(number("megabytes") * (1 << 18));
  if (floats > 0) model->register_buffer("ballast", torch::zeros({floats}));
  return model;
}

sc::Hooks hooks(const std::string& kind) {
  if (kind == "context") {
    return {.model_fn = load_with_context,
            .predict_fn = [](const torch::Tensor& rows, Doubler& model) { return rows * model->factor; },
            .input_fn = input_with_context,
            .pre_model_fn = [](const fs::path&) { std::cout << "pre_model_fn\n"; },
            .model_warmup_fn =
                [](const fs::path&, Doubler& model) {
                  std::cout << "model_warmup_fn: " << model->factor.item<float>() << "\n";
                }};
  }
  if (kind == "stream") {
    return {.model_fn = [](const fs::path&) { return Doubler(); }, .output_fn = count_up};
  }
  if (kind == "threads") {
    return {.model_fn = [](const fs::path&) { return Doubler(); },
            .predict_fn =
                [](const torch::Tensor& rows, Doubler&) {
                  sleep_ms(rows.max().item<int>());
                  return torch::full_like(rows, at::get_num_threads());
                }};
  }
  if (kind == "alone") {
    return {.model_fn = load_with_context,
            .predict_fn = [](const torch::Tensor& rows, Doubler&, sc::Context& context) {
              context.set_header("X-Rows", std::to_string(rows.size(0)));
              context.set_custom_attributes(context.custom_attributes() + "!");
              return rows;
            }};
  }
  if (kind == "crash") {
    return {.model_fn = [](const fs::path&) { return Doubler(); },
            .predict_fn =
                [](const torch::Tensor& rows, Doubler&) {
                  if (rows.eq(-4).any().item<bool>()) ::raise(SIGSEGV);
                  return rows;
                }};
  }
  if (kind == "models") {
    return {.model_fn = load_factor, .predict_fn = [](const torch::Tensor& rows, Doubler& model) {
              if (rows.eq(-1).any().item<bool>()) {
                std::cout << "waiting" << std::endl;
                while (!fs::exists(std::getenv("RELEASE"))) sleep_ms(2);
              }
              return rows * model->factor;
            }};
  }
  if (kind == "count") return {.train = train, .predict_fn = predict_and_count, .input_fn = input_and_count};
  if (kind == "script") return {.train = train_script};
  if (kind == "transform")
    return {.model_fn = [](const fs::path&) { return Doubler(); }, .transform_fn = shout};
  if (kind == "refuse") return {.model_fn = refuse};
  if (kind == "mismatch") {
    return {.train = train, .save = [](const torch::jit::Module&, const fs::path&) {}};
  }
  if (kind == "both") return {.predict_fn = predict_and_count, .transform_fn = shout};
  if (kind == "none") return {};
  return {.train = train, .model_fn = [](const fs::path& model_dir, torch::Device device) {
            Doubler model;
            torch::load(model, (model_dir / "model.pt").string(), device);
            return model;
          }};
}

}  // namespace

int main(int argc, char** argv) {
  const char* const kind = std::getenv("HOOKS");
  return sc::run(argc, argv, hooks(kind ? kind : ""));
}
