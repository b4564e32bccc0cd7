# The RPC messages and the registration interface as this project speaks them. Used by the check
# against the reference implementation only. Ordinals are chosen for the places that the fields have
# on the wire; names are ours.
@0xd48cd4c749ab5aaf;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reference");

struct Message {
  union {
    unimplemented @0 :Message;
    abort @1 :Exception;
    call @2 :Call;
    answer @3 :Return;
    finish @4 :Finish;
    unused5 @5 :AnyPointer;
    release @6 :Release;
    unused7 @7 :AnyPointer;
    bootstrap @8 :Bootstrap;
  }
}

struct Bootstrap {
  question @0 :UInt32;
  unused @1 :AnyPointer;
}

struct Call {
  question @0 :UInt32;
  target @1 :Target;
  interface @2 :UInt64;
  method @3 :UInt16;
  params @4 :Payload;
  resultsTo :union {
    caller @5 :Void;
    self @6 :Void;
    other @7 :AnyPointer;
  }
  passOn @8 :Bool;
}

struct Return {
  question @0 :UInt32;
  releaseParams @1 :Bool = true;
  union {
    results @2 :Payload;
    exception @3 :Exception;
    canceled @4 :Void;
    sentElsewhere @5 :Void;
    takeFrom @6 :UInt32;
    accept @7 :AnyPointer;
  }
}

struct Finish {
  question @0 :UInt32;
  releaseResults @1 :Bool = true;
}

struct Release {
  id @0 :UInt32;
  count @1 :UInt32;
}

struct Target {
  union {
    capability @0 :UInt32;
    promised @1 :Promised;
  }
}

struct Promised {
  question @0 :UInt32;
  transform @1 :List(Step);

  struct Step {
    union {
      nothing @0 :Void;
      field @1 :UInt16;
    }
  }
}

struct Payload {
  content @0 :AnyPointer;
  capabilities @1 :List(Capability);
}

struct Capability {
  union {
    none @0 :Void;
    hosted @1 :UInt32;
    promised @2 :UInt32;
    received @3 :UInt32;
    receivedPart @4 :Promised;
  }
}

struct Exception {
  reason @0 :Text;
  unusedFlag @1 :Bool;
  unusedNumber @2 :UInt16;
  type @3 :UInt16;
  trace @4 :Text;
}

struct Params {
  auth @0 :Auth;
  tunnel @1 :Data;
  index @2 :UInt8;
  options @3 :Options;
}

struct Auth {
  account @0 :Text;
  secret @1 :Data;
}

struct Options {
  client @0 :Client;
  localIp @1 :Data;
  replace @2 :Bool;
  quality @3 :UInt8;
  attempts @4 :UInt8;
}

struct Client {
  id @0 :Data;
  features @1 :List(Text);
  version @2 :Text;
  arch @3 :Text;
}

struct Result {
  response @0 :Response;
}

struct Response {
  union {
    refusal @0 :Refusal;
    details @1 :Details;
  }
}

struct Refusal {
  cause @0 :Text;
  retryAfter @1 :Int64;
  shouldRetry @2 :Bool;
}

struct Details {
  uuid @0 :Data;
  location @1 :Text;
  isManaged @2 :Bool;
}

struct Configuration {
  json @0 :Data;
}

struct Nothing {
}
