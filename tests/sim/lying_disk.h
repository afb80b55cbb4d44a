// SPDX-License-Identifier: Apache-2.0
// A memory disk behind a layer that may lie: files of records are said to be synced, and are not. To prove that the
// judge sees it.
#pragma once

#include <memory>
#include <string>

#include "core/os/disk.h"

namespace klog::sim {

class LyingDisk final : public os::Disk {
public:
    LyingDisk(os::Disk& disk, bool lies) : disk_(disk), lies_(lies) {}

    base::Result<std::shared_ptr<os::File>> open(const std::string& path, os::Open how) override {
        auto file = disk_.open(path, how);
        if (!file || !lies_ || !path.ends_with(".log") || path.contains("/.") || path.contains("__")) return file;
        return std::make_shared<LyingFile>(std::move(*file));
    }
    base::Result<std::unique_ptr<os::Mapping>> map(const std::string& path) override { return disk_.map(path); }
    base::Result<> rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
    base::Result<> remove(const std::string& path) override { return disk_.remove(path); }
    base::Result<> make_directory(const std::string& path) override { return disk_.make_directory(path); }
    base::Result<> sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
    base::Result<> watch_filesystem(const std::string& path) override { return disk_.watch_filesystem(path); }
    base::Result<> sync_filesystem(const std::string& path) override {
        return lies_ ? base::Result<>{} : disk_.sync_filesystem(path);
    }
    base::Result<std::vector<os::Entry>> list(const std::string& path) override { return disk_.list(path); }
    base::Result<os::FileInfo> info(const std::string& path) override { return disk_.info(path); }
    base::Result<os::Space> space(const std::string& path) override { return disk_.space(path); }
    base::Result<std::unique_ptr<os::Lock>> lock(const std::string& path) override { return disk_.lock(path); }

private:
    class LyingFile final : public os::File {
    public:
        explicit LyingFile(std::shared_ptr<os::File> file) : file_(std::move(file)) {}
        base::Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) const override {
            return file_->read_at(position, into);
        }
        base::Result<> write_at(std::uint64_t position, std::span<const std::string_view> pieces) override {
            return file_->write_at(position, pieces);
        }
        base::Result<std::uint64_t> size() const override { return file_->size(); }
        base::Result<> truncate(std::uint64_t size) override { return file_->truncate(size); }
        base::Result<> sync() override { return {}; }
        bool resident(std::uint64_t position, std::uint64_t length) const override {
            return file_->resident(position, length);
        }
        const std::string& path() const override { return file_->path(); }

    private:
        std::shared_ptr<os::File> file_;
    };

    os::Disk& disk_;
    const bool lies_;
};

}  // namespace klog::sim
