"""gRPC servicers, thin: protobuf to values and back, errors to status."""
