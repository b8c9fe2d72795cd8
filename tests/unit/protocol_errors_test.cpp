#include <gmock/gmock.h>

#include "common/protocol/protocol.h"

namespace autoctl::protocol {
namespace {

using testing::HasSubstr;

TEST(ProtocolErrors, CrossTheWire) {
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    const Error sent{static_cast<Errc>(i), "what \"happened\"", "do this"};
    const int status = http_status(sent.code);
    EXPECT_GE(status, 400);
    EXPECT_LT(status, 600);
    const Error received = decode_error(status, encode_error(sent));
    EXPECT_EQ(received.code, sent.code) << to_string(sent.code);
    EXPECT_EQ(received.message, sent.message);
    EXPECT_EQ(received.hint, sent.hint);
  }
}

TEST(ProtocolErrors, AreMadeUpFromTheStatusWhenTheBodyHasNone) {
  for (const std::string body :
       {"", "<html>", "[]", "{\"error\":3}", "{\"error\":{\"message\":4}}", "{\"error\":{}}"}) {
    EXPECT_EQ(decode_error(404, body).code, Errc::not_found);
    EXPECT_EQ(decode_error(403, body).code, Errc::denied);
    EXPECT_EQ(decode_error(418, body).code, Errc::bad_usage);
    EXPECT_EQ(decode_error(503, body).code, Errc::unavailable);
    EXPECT_EQ(decode_error(599, body).code, Errc::internal);
    EXPECT_THAT(decode_error(404, body).message, HasSubstr("404"));
  }
}

}  // namespace
}  // namespace autoctl::protocol
