// See input_channels.hpp. Sources: the API reference of Channel, S3DataSource and ShuffleConfig; the
// developer guide's "Augmented manifest files for training jobs".
#include "emulator/services/sagemaker/training/input_channels.hpp"

#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

#include "emulator/services/sagemaker/s3_files.hpp"

namespace sagemaker::local::services {
namespace {

using runner::InputFile;
using runner::PipeRecord;

[[noreturn]] void nothing_found(const std::string& uri) {
  throw std::runtime_error("Failed to download data. No S3 objects found under S3 URL \"" + uri + "\".");
}

// What a channel needs again and again, shared by its functions.
struct Source {
  const store::Objects& objects;
  S3Location location;
  std::string type;  // S3DataType
  bool sharded = false;
  std::optional<std::int64_t> seed{};
  std::vector<std::string> attributes{};
  bool fast_file = false;
};

// For FastFile the prefix has to name a folder or an object: what is shown is a folder of the bucket.
void require_whole_prefix(const std::string& key, const std::string& prefix) {
  if (prefix.empty() || prefix.ends_with('/') || key.size() == prefix.size() || key[prefix.size()] == '/')
    return;
  throw std::runtime_error(
      "Failed to download data. For FastFile mode, partial S3 prefix is not supported. S3 prefix has to end "
      "with a full file or folder. Add a trailing '/' to the S3 prefix if it ends with a folder name that is "
      "also a prefix for other folders.");
}

std::vector<InputFile> prefix_files(const Source& source) {
  std::vector<InputFile> files = prefix_files(source.objects, source.location);
  if (source.fast_file)
    for (const InputFile& file : files) require_whole_prefix(parse_s3_uri(file.uri).key, source.location.key);
  return files;
}

// One line of an augmented manifest as records: a value as it is, or the object that a "-ref" names.
std::vector<PipeRecord> line_records(const Source& source, const std::string& line, std::size_t number) {
  const auto fail = [&](const std::string& why) -> std::runtime_error {
    return std::runtime_error("line " + std::to_string(number) + " of the augmented manifest " +
                              source.location.uri() + " " + why);
  };
  json object;
  try {
    object = aws::parse_json(line);
  } catch (const aws::JsonError& error) {
    throw fail(std::string("is not JSON: ") + error.what());
  }
  if (!object.is_object()) throw fail("is not a JSON object");
  std::vector<PipeRecord> records;
  for (const std::string& attribute : source.attributes) {
    const auto found = object.find(attribute);
    if (found == object.end()) throw fail("has no attribute \"" + attribute + "\"");
    if (!attribute.ends_with("-ref")) {
      records.push_back({{}, found->is_string() ? found->get<std::string>() : aws::dump_json(*found), true});
    } else if (found->is_string()) {
      records.push_back({{"", {}, found->get<std::string>()}, "", false});
    } else {
      throw fail("has no S3 URI as the value of \"" + attribute + "\"");
    }
  }
  return records;
}

std::vector<std::string> manifest_lines(const Source& source) {
  std::istringstream text(read_object(source.objects, source.location));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

// Which of `count` items a host gets in an epoch, in which order. Shuffling comes before sharding, so that an
// item may go to another host in the next epoch.
std::vector<std::size_t> choose(const Source& source, std::size_t count, int host, int hosts, int epoch) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  if (source.seed) shuffle_order(order, *source.seed, epoch);
  if (!source.sharded) return order;
  std::vector<std::size_t> shard;
  for (std::size_t i = static_cast<std::size_t>(host); i < count; i += static_cast<std::size_t>(hosts))
    shard.push_back(order[i]);
  return shard;
}

std::vector<InputFile> files_for(const Source& source, int host, int hosts, int epoch) {
  std::vector<InputFile> all =
      source.type == "ManifestFile" ? manifest_files(source.objects, source.location) : prefix_files(source);
  if (all.empty()) nothing_found(source.location.uri());
  if (!source.seed && !source.sharded) return all;
  std::vector<InputFile> chosen;
  for (const std::size_t at : choose(source, all.size(), host, hosts, epoch))
    chosen.push_back(std::move(all[at]));
  return chosen;
}

std::vector<PipeRecord> records_for(const Source& source, int host, int hosts, int epoch) {
  std::vector<PipeRecord> records;
  if (source.type != "AugmentedManifestFile") {
    for (InputFile& file : files_for(source, host, hosts, epoch))
      records.push_back({std::move(file), "", false});
    return records;
  }
  const std::vector<std::string> lines = manifest_lines(source);
  std::vector<std::size_t> filled;  // an empty line is none
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].find_first_not_of(" \t") != std::string::npos) filled.push_back(i);
  if (filled.empty()) nothing_found(source.location.uri());
  for (const std::size_t at : choose(source, filled.size(), host, hosts, epoch))
    for (PipeRecord& record : line_records(source, lines[filled[at]], filled[at] + 1))
      records.push_back(std::move(record));
  return records;
}

}  // namespace

void shuffle_order(std::vector<std::size_t>& order, std::int64_t seed, int epoch) {
  std::mt19937_64 engine(static_cast<std::uint64_t>(seed) * 0x9E3779B97F4A7C15u +
                         static_cast<std::uint64_t>(epoch));
  // Not std::shuffle: the order shall be the same with every C++ library.
  for (std::size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[engine() % left]);
}

runner::InputChannel input_channel(const json& channel, const std::string& default_mode,
                                   const store::Objects& objects) {
  const json& s3 = channel.at("DataSource").at("S3DataSource");
  const std::string mode = channel.value("InputMode", default_mode);
  const std::string distribution = s3.value("S3DataDistributionType", "FullyReplicated");
  Source described{objects, parse_s3_uri(s3.at("S3Uri").get<std::string>()), s3.at("S3DataType"),
                   distribution == "ShardedByS3Key"};
  if (channel.contains("ShuffleConfig"))
    described.seed = channel["ShuffleConfig"].at("Seed").get<std::int64_t>();
  described.attributes = s3.value("AttributeNames", std::vector<std::string>{});
  described.fast_file = mode == "FastFile";
  const auto source = std::make_shared<const Source>(std::move(described));

  runner::InputChannel result{.name = channel.at("ChannelName"),
                              .config = {{"TrainingInputMode", mode},
                                         {"S3DistributionType", distribution},
                                         {"RecordWrapperType", channel.value("RecordWrapperType", "None")}}};
  if (channel.contains("ContentType")) result.config["ContentType"] = channel["ContentType"];
  result.mode = mode == "Pipe"       ? runner::InputMode::pipe
                : mode == "FastFile" ? runner::InputMode::fast_file
                                     : runner::InputMode::file;
  result.files = [source](int host, int hosts) { return files_for(*source, host, hosts, 0); };
  result.records = [source](int host, int hosts, int epoch) {
    return records_for(*source, host, hosts, epoch);
  };
  result.gzip = channel.value("CompressionType", "None") == "Gzip";
  result.record_io = channel.value("RecordWrapperType", "None") == "RecordIO";
  result.groups = s3.value("InstanceGroupNames", std::vector<std::string>{});
  result.locate = [source](const InputFile& file) { return locate_object(source->objects, file.uri); };
  return result;
}

}  // namespace sagemaker::local::services
