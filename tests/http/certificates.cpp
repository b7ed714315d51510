#include "http/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>

namespace onboardd::test {
namespace {

std::shared_ptr<EVP_PKEY> make_key(bool rsa, unsigned rsa_bits = 2048) {
    EVP_PKEY* key = rsa ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256");
    if (key == nullptr) {
        throw std::runtime_error("no key");
    }
    return {key, openssl_free()};
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) {
        throw std::runtime_error("bad extension " + value);
    }
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> make_certificate(const leaf& wanted, EVP_PKEY* key) {
    static std::atomic<long> serial{1};
    std::shared_ptr<X509> made(X509_new(), openssl_free());
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), wanted.begins_in_seconds);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), wanted.ends_in_seconds);
    X509_set_pubkey(made.get(), key);
    const auto* name = reinterpret_cast<const unsigned char*>(wanted.common_name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, name, -1, -1,
                               0);
    return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key, bool sha1 = false) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    if (X509_sign(certificate, key, sha1 ? EVP_sha1() : EVP_sha256()) == 0) {
        throw std::runtime_error("cannot sign");
    }
}

// The textual way of OpenSSL cannot write a NUL.
void add_raw_name(X509* certificate, const std::string& bytes) {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    GENERAL_NAMES* names = GENERAL_NAMES_new();
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(names);
}

void describe_leaf(X509* certificate, X509* issuer, const leaf& wanted) {
    add_extension(certificate, issuer, NID_basic_constraints,
                  wanted.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wanted.authority) {
        return;
    }
    add_extension(certificate, issuer, NID_ext_key_usage, wanted.purpose);
    if (!wanted.names.empty()) {
        add_extension(certificate, issuer, NID_subject_alt_name, wanted.names);
    }
    if (!wanted.raw_name.empty()) {
        add_raw_name(certificate, wanted.raw_name);
    }
}

}  // namespace

authority::authority(const std::string& name) {
    leaf own;
    own.common_name = name;
    self_.key = make_key(false);
    self_.certificate = make_certificate(own, self_.key.get());
    auto* certificate = self_.certificate.get();
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(certificate, certificate, self_.key.get());

    auto path = (std::filesystem::temp_directory_path() / "onboardd-ca-XXXXXX").string();
    const int opened = mkstemp(path.data());
    if (opened < 0) {
        throw std::runtime_error("no temporary file");
    }
    file_.path = path;
    std::FILE* file = fdopen(opened, "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
}

authority::temporary_file::~temporary_file() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
}

identity authority::issue(const leaf& wanted) const {
    return issued_by(self_, wanted);
}

identity issued_by(const identity& issuer, const leaf& wanted) {
    identity made;
    made.key = make_key(wanted.rsa, wanted.rsa_bits);
    made.certificate = make_certificate(wanted, made.key.get());
    describe_leaf(made.certificate.get(), issuer.certificate.get(), wanted);
    sign(made.certificate.get(), issuer.certificate.get(), issuer.key.get(), wanted.sha1);
    return made;
}

identity self_signed(const leaf& wanted) {
    identity made;
    made.key = make_key(wanted.rsa);
    made.certificate = make_certificate(wanted, made.key.get());
    describe_leaf(made.certificate.get(), made.certificate.get(), wanted);
    sign(made.certificate.get(), made.certificate.get(), made.key.get());
    return made;
}

}  // namespace onboardd::test
