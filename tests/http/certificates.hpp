#pragma once

// Certificates made while the tests run, so that none expires in the repository and no private key
// lies there.

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>

namespace onboardd::test {

struct openssl_free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};

struct identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> certificate;
};

struct leaf {
    std::string common_name = "onboardd test";
    std::string names = "DNS:localhost,IP:127.0.0.1";  // subjectAltName; empty: none
    long begins_in_seconds = -3600;
    long ends_in_seconds = 3600;
    bool rsa = false;
    unsigned rsa_bits = 2048;
    std::string purpose = "serverAuth";
    bool sha1 = false;       // sign with it
    bool authority = false;  // may sign others
    std::string raw_name;    // another DNS name in subjectAltName, with any bytes
};

class authority {
public:
    explicit authority(const std::string& name);

    identity issue(const leaf& wanted) const;

    // The CA's certificate as PEM, in a file of its own that is removed with this.
    const std::filesystem::path& file() const { return file_.path; }

private:
    struct temporary_file {
        std::filesystem::path path;
        temporary_file() = default;
        temporary_file(const temporary_file&) = delete;
        temporary_file& operator=(const temporary_file&) = delete;
        ~temporary_file();
    };

    identity self_;
    temporary_file file_;
};

// Signed by its own key.
identity self_signed(const leaf& wanted);

// Signed by `issuer`, whether that may do so or not.
identity issued_by(const identity& issuer, const leaf& wanted);

}  // namespace onboardd::test
