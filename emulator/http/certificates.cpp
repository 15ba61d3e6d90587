// See certificates.hpp.
#include "emulator/http/certificates.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace sagemaker::local::http {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPointer = std::unique_ptr<BIO, Freed<BIO_free>>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using ExtensionPointer = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using NumberPointer = std::unique_ptr<BIGNUM, Freed<BN_free>>;

constexpr int kSerialBits = 159;  // 20 bytes with a positive sign: what RFC 5280 4.1.2.2 allows

void check(bool good, const char* what) {
  if (!good) throw_openssl_error(what);
}

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPointer extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  check(extension && X509_add_ext(certificate, extension.get(), -1) == 1,
        "a certificate's extension cannot be made");
}

// Not by X509V3_EXT_conf: there a name could hold syntax.
void add_names(X509* certificate, const std::vector<std::string>& names) {
  const NamesPointer all(GENERAL_NAMES_new());
  check(all != nullptr, "a certificate's names cannot be made");
  for (const std::string& name : names) {
    GENERAL_NAME* entry = GENERAL_NAME_new();
    check(entry && sk_GENERAL_NAME_push(all.get(), entry) > 0, "a certificate's names cannot be made");
    if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str())) {
      GENERAL_NAME_set0_value(entry, GEN_IPADD, address);
      continue;
    }
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    check(text && ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1,
          "a certificate's names cannot be made");
    GENERAL_NAME_set0_value(entry, GEN_DNS, text);
  }
  check(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) == 1,
        "a certificate's names cannot be added");
}

Certificate begin_certificate(const std::string& common_name, const Key& key, const Validity& validity) {
  Certificate certificate(X509_new(), X509_free);
  const NumberPointer serial(BN_new());
  check(certificate && serial && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
            BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
            BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())),
        "a certificate cannot be made");
  const auto set_time = [](ASN1_TIME* time, TimePoint point) {
    return ASN1_TIME_set(time, std::chrono::system_clock::to_time_t(point)) != nullptr;
  };
  check(set_time(X509_getm_notBefore(certificate.get()), validity.begin) &&
            set_time(X509_getm_notAfter(certificate.get()), validity.end),
        "a certificate's validity cannot be set");
  const auto set_name = [name = X509_get_subject_name(certificate.get())](const char* field,
                                                                          const std::string& value) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  check(set_name("O", "sagemaker-local") && set_name("CN", common_name) &&
            X509_set_pubkey(certificate.get(), key.get()) == 1,
        "a certificate's subject cannot be set");
  return certificate;
}

std::string address_in_figures(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  const char* result =
      ::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), static_cast<socklen_t>(text.size()));
  return result ? result : "";
}

BioPointer reading(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string written(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(std::max(size, 0L)));
}

int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

void throw_openssl_error(const std::string& what) {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_last_error();
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  throw std::runtime_error(code == 0 ? what : what + ": " + text.data());
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  check(key != nullptr, "a key cannot be made");
  return key;
}

Certificate make_authority(const std::string& common_name, const Key& key, const Validity& validity) {
  Certificate certificate = begin_certificate(common_name, key, validity);
  X509* raw = certificate.get();
  check(X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1, "a certificate's issuer cannot be set");
  add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(raw, raw, NID_subject_key_identifier, "hash");
  check(X509_sign(raw, key.get(), EVP_sha256()) > 0, "a certificate cannot be signed");
  return certificate;
}

Certificate issue_certificate(const std::vector<std::string>& names, const Key& key,
                              const Certificate& authority, const Key& authority_key,
                              const Validity& validity) {
  Certificate certificate = begin_certificate("sagemaker-local", key, validity);
  X509* raw = certificate.get();
  check(X509_set_issuer_name(raw, X509_get_subject_name(authority.get())) == 1,
        "a certificate's issuer cannot be set");
  add_extension(raw, authority.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(raw, authority.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(raw, authority.get(), NID_ext_key_usage, "serverAuth");
  add_extension(raw, authority.get(), NID_subject_key_identifier, "hash");
  add_extension(raw, authority.get(), NID_authority_key_identifier, "keyid:always");
  add_names(raw, names);
  check(X509_sign(raw, authority_key.get(), EVP_sha256()) > 0, "a certificate cannot be signed");
  return certificate;
}

std::vector<std::string> names_of(const Certificate& certificate) {
  std::vector<std::string> names;
  const NamesPointer all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int kind = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &kind);
    if (kind == GEN_DNS) {
      const auto* text = static_cast<const ASN1_IA5STRING*>(value);
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text)));
    } else if (kind == GEN_IPADD) {
      names.push_back(address_in_figures(static_cast<const ASN1_OCTET_STRING*>(value)));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TimePoint end_of(const Certificate& certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

bool belongs_to(const Certificate& certificate, const Key& key) {
  const bool result = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return result;
}

bool issued_by(const Certificate& certificate, const Certificate& authority) {
  const bool result = certificate && authority &&
                      X509_check_issued(authority.get(), certificate.get()) == X509_V_OK &&
                      X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  ERR_clear_error();
  return result;
}

std::string to_pem(const Certificate& certificate) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  check(bio && PEM_write_bio_X509(bio.get(), certificate.get()) == 1, "a certificate cannot be written");
  return written(bio.get());
}

std::string to_pem(const Key& key) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  check(
      bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "a key cannot be written");
  return written(bio.get());
}

Certificate certificate_from_pem(const std::string& text) {
  const BioPointer bio = reading(text);
  Certificate result(bio ? PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr) : nullptr,
                     X509_free);
  ERR_clear_error();
  return result;
}

Key key_from_pem(const std::string& text) {
  const BioPointer bio = reading(text);
  Key result(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr,
             EVP_PKEY_free);
  ERR_clear_error();
  return result;
}

}  // namespace sagemaker::local::http
