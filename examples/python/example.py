"""Uses aliend with plain grpcio: lists and finds files, reads a range, copies a file, and watches the copy.

Usage: example.py FOLDER FILE TARGET. The modules of the contract come from `aliend.v1`, or from the proto files with
`python -m grpc_tools.protoc`.
"""

import os
import subprocess
import sys

import grpc
from grpc_status import rpc_status

from aliend.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    contents_pb2,
    contents_pb2_grpc,
    errors_pb2,
    transfers_pb2,
    transfers_pb2_grpc,
)


def connect() -> grpc.Channel:
    """Start the daemon if it does not run; its socket is only for this user, hence no TLS."""
    command = ["alienctl", "daemon", "socket", "--start"]
    socket = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)])


def error_info(error: grpc.RpcError) -> errors_pb2.ErrorInfo:
    """Return the facts of an error."""
    info = errors_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        if detail.Unpack(info):
            break
    return info


def main(folder: str, file: str, target: str) -> None:
    """Make the calls and print what they return."""
    with connect() as channel:
        catalogue = catalogue_pb2_grpc.CatalogueServiceStub(channel)
        contents = contents_pb2_grpc.ContentsServiceStub(channel)
        transfers = transfers_pb2_grpc.TransfersServiceStub(channel)

        pages = catalogue.ListEntries(catalogue_pb2.ListEntriesRequest(lfn=folder), timeout=60)
        print("list", *[entry.lfn for page in pages for entry in page.entries])

        selection = transfers_pb2.Selection(pattern="*.txt")
        pages = catalogue.FindEntries(
            catalogue_pb2.FindEntriesRequest(directory=folder, selection=selection), timeout=60
        )
        print("find", *[f"{entry.lfn}:{entry.size}" for page in pages for entry in page.entries])

        request = contents_pb2.ReadRequest(lfn=file, ranges=[contents_pb2.Range(offset=6, length=5)])
        print("read", b"".join(part.data for part in contents.Read(request, timeout=60)).decode())

        try:
            list(contents.Read(contents_pb2.ReadRequest(lfn=f"{folder}/missing"), timeout=60))
        except grpc.RpcError as error:
            info = error_info(error)
            print("error", error.code().name, errors_pb2.ErrorReason.Name(info.reason), info.error_number)

        # all jobs; the token resumes the watch, also with the next daemon
        watch = transfers.WatchJobs(transfers_pb2.WatchJobsRequest())
        token = next(watch).resume_token
        watch.cancel()  # as if the connection was lost

        submit = transfers_pb2.SubmitJobRequest(
            request_id=f"example-{os.getpid()}", sources=[file], target=f"file:{target}"
        )
        job = transfers.SubmitJob(submit, timeout=60).job
        print("submit", job.id == transfers.SubmitJob(submit, timeout=60).job.id)

    subprocess.run(["alienctl", "daemon", "restart"], check=True, stdout=subprocess.DEVNULL)
    with connect() as channel:
        transfers = transfers_pb2_grpc.TransfersServiceStub(channel)
        done = False
        for change in transfers.WatchJobs(transfers_pb2.WatchJobsRequest(resume_token=token), timeout=60):
            done |= any(event.type == transfers_pb2.EVENT_TYPE_JOB_DONE for event in change.events)
            ended = [one for one in change.jobs if one.id == job.id and one.HasField("end_time")]
            if ended:
                print("watch", done, transfers_pb2.JobState.Name(ended[0].state), ended[0].files.done)
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
