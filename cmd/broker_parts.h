// SPDX-License-Identifier: Apache-2.0
// What `klog broker` and `klog run` share: a folder for data that goes away, and topics to make at start.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/broker/broker.h"

namespace klog::cmd {

/// A fresh folder that goes, with all in it, at the end.
class EphemeralFolder {
public:
    EphemeralFolder() = default;
    EphemeralFolder(const EphemeralFolder&) = delete;
    EphemeralFolder& operator=(const EphemeralFolder&) = delete;
    ~EphemeralFolder();
    /// False: no folder can be made below TMPDIR.
    bool make();
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// Each text is NAME or NAME:PARTITIONS, or several of them separated by commas.
base::Result<std::vector<broker::InitialTopic>> parse_topics(const std::vector<std::string>& texts);

}  // namespace klog::cmd
