#pragma once

// The published schema as a judge: says what does not fit in words for the producer's programmer.

#include <boost/json/value.hpp>
#include <memory>
#include <vector>

#include "onboardd/spool/job_file.hpp"

namespace onboardd::spooling {

class job_schema {
public:
    job_schema();  // compiles job_schema_text()
    ~job_schema();
    job_schema(const job_schema&) = delete;
    job_schema& operator=(const job_schema&) = delete;

    // Adds a fault for each place of `job` that does not fit. Safe to call from several threads at
    // once.
    void check(const boost::json::value& job, std::vector<job_fault>& faults) const;

private:
    struct compiled;
    std::unique_ptr<const compiled> compiled_;
};

}  // namespace onboardd::spooling
