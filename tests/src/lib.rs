//! What interoperation tests share: private worlds and real peers.
