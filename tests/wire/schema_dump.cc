// SPDX-License-Identifier: Apache-2.0
// Prints every declaration, so that check_schema.py can hold it against Kafka's own JSON definitions. One line per
// message, "Name! key first last flexible_since served_first served_last" (-1 -1 where it is not served to clients),
// and one per field, "path type since until null_since tag ignorable default".
#include <cstdio>
#include <string>

#include "core/wire/api_list.h"
#include "core/wire/record_list.h"
#include "core/wire/visitors.h"

using namespace klog;
using namespace klog::wire;

namespace {

template <class M>
std::string type_name() {
    if constexpr (IsNullable<M>)
        return type_name<typename M::value_type>();
    else if constexpr (IsArray<M>)
        return "[]" + type_name<typename M::value_type>();
    else if constexpr (IsText<M>)
        return "string";
    else if constexpr (IsBytes<M>)
        return "bytes";
    else if constexpr (IsRecords<M>)
        return "records";
    else if constexpr (std::same_as<M, Uuid>)
        return "uuid";
    else if constexpr (std::same_as<M, bool>)
        return "bool";
    else if constexpr (std::floating_point<M>)
        return "float64";
    else if constexpr (IsFixed<M>)
        return "int" + std::to_string(8 * sizeof(M));
    else
        return "struct";
}

template <class M>
std::string text_of_default(const M& value) {
    if constexpr (IsNullable<M>)
        return value ? text_of_default(*value) : "null";
    else if constexpr (IsArray<M> || IsText<M>)
        return value.empty() ? "empty" : "?";
    else if constexpr (IsBytes<M>)
        return value.view.empty() ? "empty" : "?";
    else if constexpr (IsRecords<M>)
        return value.empty() ? "empty" : "?";
    else if constexpr (std::same_as<M, Uuid>)
        return value.is_zero() ? "0" : "?";
    else if constexpr (std::same_as<M, bool>)
        return value ? "1" : "0";
    else if constexpr (std::is_enum_v<M>)
        return std::to_string(static_cast<std::underlying_type_t<M>>(value));
    else if constexpr (IsNamed<M>)
        return std::to_string(value.value);
    else if constexpr (IsFixed<M>)
        return std::to_string(value);
    else
        return "struct";
}

struct Describe {
    std::string path;

    template <class T, class M>
    void operator()(const char* name, M T::* member, In in = {}) {
        line(name, default_of<T>().*member, in, -1);
    }
    template <class T, class M>
    void tagged(std::uint32_t tag, const char* name, M T::* member, In in = {}) {
        line(name, default_of<T>().*member, in, static_cast<int>(tag));
    }

private:
    template <class M>
    void line(const char* name, const M& value, In in, int tag) {
        const std::string here = path + "." + name;
        std::printf("%s %s %d %d %d %d %d %s\n", here.c_str(), type_name<M>().c_str(), in.since, in.until,
                    IsNullable<M> ? in.null_since : -1, tag, in.ignorable, text_of_default(value).c_str());
        nested<M>(here);
    }
    template <class M>
    void nested(const std::string& here) {
        if constexpr (IsNullable<M> || IsArray<M>)
            nested<typename M::value_type>(here);
        else if constexpr (IsStruct<M>)
            M::wire(Describe{here});
    }
};

template <class T>
void describe(const std::string& name, bool request = true) {
    const ApiRow* row = request ? find_api(T::api_key) : nullptr;
    const bool served = row != nullptr && row->audience == ApiAudience::clients;
    std::printf("%s! %d %d %d %d %d %d\n", name.c_str(), T::api_key, T::version_first, T::version_last,
                T::flexible_since, served ? row->first : -1, served ? row->last : -1);
    T::wire(Describe{name});
}

}  // namespace

int main() {
    for_each_declared_api([]<class Api>(Api, const std::string& name) {
        describe<typename Api::Request>(name + "Request");
        describe<typename Api::Response>(name + "Response");
    });
    for_each_record_message([]<class T>(T, const std::string& name) { describe<T>(name, false); });
}
