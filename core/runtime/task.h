// SPDX-License-Identifier: Apache-2.0
// Task<T>: a lazy coroutine. It starts when it is awaited (or handed to Scope::spawn), runs on the thread that resumes
// it, and resumes its awaiter when it ends, without growing the stack (symmetric transfer).
//
// Rules for every coroutine in klog: parameters by value; no capturing lambda is a coroutine; nothing is detached; the
// state is looked at again after each co_await. An exception that leaves a coroutine is a bug and aborts.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "core/base/check.h"

namespace klog::runtime {

template <class T = void>
class Task;

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> awaiter = std::noop_coroutine();

    struct Final {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            return self.promise().awaiter;
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    [[noreturn]] void unhandled_exception() const noexcept {
        base::check_failed(__FILE__, __LINE__, "no exception", "an exception left a coroutine");
    }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;

    Task<T> get_return_object();
    template <class U = T>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        KLOG_CHECK(value.has_value(), "task awaited to its end");
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() const noexcept {}
    void take() const noexcept {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    Task() = default;
    explicit Task(Handle handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            if (handle_) handle_.destroy();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }

    explicit operator bool() const { return static_cast<bool>(handle_); }

    auto operator co_await() && noexcept {
        struct Awaiter {
            Handle handle;
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
                handle.promise().awaiter = awaiter;
                return handle;
            }
            T await_resume() const { return handle.promise().take(); }
        };
        KLOG_CHECK(handle_, "a task is awaited once");
        return Awaiter{handle_};
    }

private:
    Handle handle_ = nullptr;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace klog::runtime
