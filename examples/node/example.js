// A program that uses aliend: it lists and finds files, reads a range, copies a file, and watches the copy, also over a
// restart of the daemon. Usage: node example.js PROTO_DIRECTORY FOLDER FILE TARGET
"use strict";

const { execFileSync } = require("node:child_process");
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [protos, folder, file, target] = process.argv.slice(2);
const OPTIONS = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [protos] };

function load(name) {
  return grpc.loadPackageDefinition(loader.loadSync(path.join(protos, `aliend/v1/${name}.proto`), OPTIONS)).aliend.v1;
}

const catalogue = load("catalogue");
const contents = load("contents");
const transfers = load("transfers");
const errors = loader.loadSync(path.join(protos, "aliend/v1/errors.proto"), OPTIONS);

// Starts the daemon if it does not run; its socket is only for this user, hence no TLS.
function connect() {
  const socket = execFileSync("alienctl", ["daemon", "socket", "--start"], { encoding: "utf8" }).trim();
  const target = `unix:${socket}`;
  const insecure = grpc.credentials.createInsecure();
  // The library shares connections between clients of one address; after a restart it must not use the old one.
  const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0 };
  return {
    catalogue: new catalogue.CatalogueService(target, insecure, options),
    contents: new contents.ContentsService(target, insecure, options),
    transfers: new transfers.TransfersService(target, insecure, options),
  };
}

function close(daemon) {
  for (const client of Object.values(daemon)) client.close();
}

function unary(client, method, request) {
  const deadline = Date.now() + 60_000;
  return new Promise((resolve, reject) => {
    client[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

async function all(stream) {
  const messages = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

// The details of an error are in a google.rpc.Status: field 3 of it is a list of google.protobuf.Any.
function errorInfo(error) {
  const [status] = error.metadata.get("grpc-status-details-bin");
  for (const any of fields(status).filter(([number]) => number === 3).map(([, value]) => fields(value))) {
    const type = any.find(([number]) => number === 1)[1].toString();
    if (type.endsWith("aliend.v1.ErrorInfo")) {
      return decodeInfo(any.find(([number]) => number === 2)[1]);
    }
  }
  return null;
}

function decodeInfo(bytes) {
  const reasons = errors["aliend.v1.ErrorReason"].type.value;
  const info = Object.fromEntries(fields(bytes));
  return { reason: reasons.find((one) => one.number === info[1]).name, number: info[2], lfn: String(info[3] ?? "") };
}

// Reads the fields of a protobuf message: numbers and bytes.
function fields(bytes) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) found.push([tag >> 3, varint()]);
    else {
      const length = varint();
      found.push([tag >> 3, bytes.subarray(at, (at += length))]);
    }
  }
  return found;
}

async function main() {
  let daemon = connect();

  const listed = await all(daemon.catalogue.ListEntries({ lfn: folder }));
  console.log("list", listed.flatMap((page) => page.entries).map((entry) => entry.lfn).join(" "));

  const found = await all(daemon.catalogue.FindEntries({ directory: folder, selection: { pattern: "*.txt" } }));
  console.log("find", found.flatMap((page) => page.entries).map((entry) => `${entry.lfn}:${entry.size}`).join(" "));

  const parts = await all(daemon.contents.Read({ lfn: file, ranges: [{ offset: 6, length: 5 }] }));
  console.log("read", Buffer.concat(parts.map((part) => part.data)).toString());

  try {
    await all(daemon.contents.Read({ lfn: `${folder}/missing` }));
  } catch (error) {
    console.log("error", grpc.status[error.code], JSON.stringify(errorInfo(error)));
  }

  // All jobs; the token resumes the watch, also with the next daemon.
  const watch = daemon.transfers.WatchJobs({});
  let token = "";
  for await (const change of watch) {
    token = change.resume_token;
    break; // as if the connection was lost
  }
  watch.on("error", () => {}).cancel();

  const request = { request_id: `example-${process.pid}`, sources: [file], target: `file:${target}` };
  const { job } = await unary(daemon.transfers, "SubmitJob", request);
  const again = await unary(daemon.transfers, "SubmitJob", request);
  console.log("submit", job.id === again.job.id);

  close(daemon);
  execFileSync("alienctl", ["daemon", "restart"]);
  daemon = connect();
  const resumed = daemon.transfers.WatchJobs({ resume_token: token });
  const events = [];
  for await (const change of resumed) {
    events.push(...change.events.map((event) => event.type));
    const ended = change.jobs.find((one) => one.id === job.id && one.end_time);
    if (!ended) continue;
    console.log("watch", events.includes("EVENT_TYPE_JOB_DONE"), ended.state, ended.files.done);
    break;
  }
  resumed.on("error", () => {}).cancel();
  close(daemon);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
