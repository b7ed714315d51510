#include "daemon/spool/job_checks.hpp"

#include <gtest/gtest.h>

#include <string>

namespace onboardd::spooling {
namespace {

TEST(JobChecks, KnowsTheCountriesOfIso3166) {
    for (const char* good : {"NO", "SE", "AX", "ZW", "AD", "GB"}) {
        EXPECT_TRUE(is_country(good)) << good;
    }
    for (const char* bad : {"", "N", "no", "NOR", "XX", "UK", "DA", "O ", "\xc3\x98"}) {
        EXPECT_FALSE(is_country(bad)) << bad;
    }
    int known = 0;
    for (char first = 'A'; first <= 'Z'; ++first) {
        for (char second = 'A'; second <= 'Z'; ++second) {
            known += is_country(std::string{first, second}) ? 1 : 0;
        }
    }
    EXPECT_EQ(known, 249);
}

TEST(JobChecks, KnowsTheCurrenciesOfIso4217) {
    for (const char* good : {"NOK", "SEK", "DKK", "EUR", "USD", "AED", "ZWG", "XCG"}) {
        EXPECT_TRUE(is_currency(good)) << good;
    }
    for (const char* bad : {"", "NO", "nok", "NOKK", "HRK", "ED ", "OKS", "XYZ"}) {
        EXPECT_FALSE(is_currency(bad)) << bad;
    }
}

TEST(JobChecks, ChecksTheDigitOfNorwegianOrganizationNumbers) {
    for (const char* good : {"974760673", "923609016", "914778271", "889640782"}) {
        EXPECT_TRUE(is_norwegian_organization_number(good)) << good;
    }
    for (const char* bad :
         {"", "974760674", "97476067", "9747606730", "974 760 673", "97476067a", "\xd9\xa0"}) {
        EXPECT_FALSE(is_norwegian_organization_number(bad)) << bad;
    }
    int good = 0;
    for (char digit = '0'; digit <= '9';
         ++digit) {  // weighs to a check of 10: there is no digit for it
        good += is_norwegian_organization_number(std::string("00000006") + digit) ? 1 : 0;
    }
    EXPECT_EQ(good, 0);
}

TEST(JobChecks, WantsHttpsUrls) {
    for (const char* good :
         {"https://example.com", "https://example.com:8443/a?b=c", "HTTPS://example.com/"}) {
        EXPECT_TRUE(is_https_url(good)) << good;
    }
    for (const char* bad :
         {"", "http://example.com", "example.com", "https://", "https:///path", "//example.com",
          "https://user:secret@example.com/", "https://exa mple.com", "javascript:alert(1)",
          "https://example.com/\r\nX: y"}) {
        EXPECT_FALSE(is_https_url(bad)) << bad;
    }
}

TEST(JobChecks, ReferencesAreSafeInNamesAndPaths) {
    for (const std::string good : {"a", "0", "seller-0001", "A.b_c-d", "a..b"}) {
        EXPECT_TRUE(is_reference(good)) << good;
    }
    EXPECT_TRUE(is_reference(std::string(64, 'x')));
    EXPECT_FALSE(is_reference(std::string(65, 'x')));
    for (const std::string bad :
         {"", ".", "..", "-a", "_a", ".a", "a/b", "a b", "a\n", "\xc3\xa6"}) {
        EXPECT_FALSE(is_reference(bad)) << bad;
    }
}

}  // namespace
}  // namespace onboardd::spooling
