"""The gRPC servicers: convert protobuf to values and back, and errors to status codes."""
