#include "emulator/services/sts/temporary_credentials.hpp"

#include <utility>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::services {
namespace {

constexpr std::string_view kind = "sts-session";
constexpr std::chrono::hours remembered{1};  // behind expiry
constexpr int page_size = 1000;

json document_of(const TemporaryCredentials::Session& session) {
  return {{"SecretAccessKey", session.credentials.secret_access_key},
          {"SessionToken", session.credentials.session_token},
          {"ExpirationMs", aws::to_epoch_ms(*session.credentials.expiration)},
          {"UserId", session.principal.user_id},
          {"TransitiveTags", session.transitive_tags}};
}

TemporaryCredentials::Session session_of(const store::Record& record) {
  TemporaryCredentials::Session session;
  const json& document = record.document;
  session.credentials = {record.name, document.at("SecretAccessKey"), document.at("SessionToken"),
                         aws::from_epoch_ms(document.at("ExpirationMs").get<std::int64_t>())};
  session.principal = {record.arn, document.at("UserId")};
  session.transitive_tags = document.at("TransitiveTags");
  return session;
}

}  // namespace

TemporaryCredentials::TemporaryCredentials(store::Records& records, std::shared_ptr<const aws::Clock> clock)
    : records_(records), clock_(std::move(clock)) {
  load();
}

void TemporaryCredentials::load() {
  store::RecordQuery query;
  query.limit = page_size;
  std::vector<std::string> unreadable;
  do {
    store::RecordPage page = records_.list(kind, query);
    for (const store::Record& record : page.records) {
      try {
        remember(session_of(record));
      } catch (const json::exception&) {
        unreadable.push_back(record.name);  // nobody can sign with it any more
      }
    }
    query.next_token = page.next_token;
  } while (!query.next_token.empty());
  for (const std::string& key : unreadable) records_.erase(kind, key);
  for (const std::string& key : forget_expired(clock_->now())) records_.erase(kind, key);
}

void TemporaryCredentials::remember(Session session) {
  const std::string key = session.credentials.access_key_id;
  by_expiration_.emplace(*session.credentials.expiration, key);
  sessions_.insert_or_assign(key, std::move(session));
}

aws::Credentials TemporaryCredentials::issue(const Principal& principal, std::chrono::seconds lifetime,
                                             const json& transitive_tags) {
  const aws::TimePoint now = clock_->now();
  Session session{{}, principal, transitive_tags};
  session.credentials.secret_access_key = aws::base64_encode(random_bytes(30));  // 40 characters
  session.credentials.session_token = aws::base64_encode(random_bytes(192));
  session.credentials.expiration = now + lifetime;
  store::Record record;
  do {  // the random part of a key is short, because its account is in it
    session.credentials.access_key_id = random_access_key("ASIA", principal.account());
    record = {session.credentials.access_key_id,
              principal.arn,
              "",
              aws::to_epoch_ms(now),
              aws::to_epoch_ms(now),
              document_of(session)};
  } while (!records_.insert(kind, record));
  const aws::Credentials credentials = session.credentials;
  std::vector<std::string> forgotten;
  {
    const std::lock_guard lock(mutex_);
    forgotten = forget_expired(now);
    remember(std::move(session));
  }
  for (const std::string& key : forgotten) records_.erase(kind, key);
  return credentials;
}

std::vector<std::string> TemporaryCredentials::forget_expired(aws::TimePoint now) {
  std::vector<std::string> forgotten;
  while (!by_expiration_.empty() &&
         (by_expiration_.begin()->first + remembered <= now || by_expiration_.size() >= count_max)) {
    forgotten.push_back(by_expiration_.begin()->second);
    sessions_.erase(forgotten.back());
    by_expiration_.erase(by_expiration_.begin());
  }
  return forgotten;
}

std::optional<TemporaryCredentials::Session> TemporaryCredentials::find(std::string_view access_key) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(access_key);
  if (found == sessions_.end()) return std::nullopt;
  return found->second;
}

}  // namespace sagemaker::local::services
