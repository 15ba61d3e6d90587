// Uploads from forms: what is signed is the policy, so nothing of the request itself is looked at.
#include "emulator/wire/authentication_faults.hpp"
#include "emulator/wire/authenticator.hpp"
#include "emulator/wire/s3_form_upload.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr AuthenticationFamily family = AuthenticationFamily::s3;

}  // namespace

std::string Authenticator::authenticate_policy(const std::optional<PolicySignature>& signature,
                                               const std::string& policy, const Scope& expected) const {
  if (!signature) {
    if (required_) throw ServiceFault("AccessDenied", 403, "Access Denied");
    return "";
  }
  Claim claim;
  claim.presigned = true;
  claim.signature = signature->signature;
  claim.security_token = signature->security_token;
  if (signature->version_2) {
    claim.access_key = signature->credential;
  } else {
    try {
      aws::sigv4::detail::read_credential(claim, signature->credential, true);
    } catch (const aws::sigv4::SignatureFormatError& error) {
      throw unreadable_signature_fault(error, family);
    }
  }
  if (!required_) return claim.access_key;
  if (!signature->version_2) {
    claim.amz_date = signature->date;
    if (claim.date != signature->date.substr(0, 8)) throw wrong_date_fault(claim, family);
    if (claim.region != expected.region) throw wrong_region_fault(claim, family, expected.region);
    if (claim.service != expected.service) throw wrong_service_fault(claim, family, expected.service);
  }
  const Key key = find_key(claim, family);
  check_token(key, claim, family);
  const std::string computed =
      signature->version_2
          ? signature_v2(key.secret, policy)
          : aws::sigv4::signature(
                aws::sigv4::signing_key(key.secret, claim.date, claim.region, claim.service), policy);
  if (!aws::constant_time_equal(computed, claim.signature)) {
    ClaimV2 shown;  // the same fields, whatever the version
    shown.access_key = claim.access_key;
    shown.signature = claim.signature;
    throw wrong_signature_v2_fault(shown, policy);
  }
  return claim.access_key;
}

}  // namespace sagemaker::local::wire
