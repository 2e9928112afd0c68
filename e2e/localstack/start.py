"""Runs LocalStack with what awslike adds to it, until it is ended: python start.py PORT DIR.

It listens on PORT, on all addresses whatever it is told, and keeps everything below DIR. An account is whatever 12 digits
are given as AWS_ACCESS_KEY_ID; nothing that one does shows in another.
"""

import os
import sys
import warnings


def main():
    port, folder = sys.argv[1:]
    os.environ.update({
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": folder,
        "SERVICES": "ec2,cloudformation,sts,s3",
        "EAGER_SERVICE_LOADING": "1",  # else the first test waits
        # Else each account begins with reading a list of machine images, which takes longer than most tests.
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        # Nothing here calls out, or resolves names for others.
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
    })
    if not hasattr(warnings, "deprecated"):  # new in Python 3.13, and LocalStack's s3 uses it
        import typing_extensions

        warnings.deprecated = typing_extensions.deprecated

    import awslike

    awslike.install()

    from twisted.internet import error, tcp

    listen = tcp.Port.startListening

    def listen_or_end(port):
        """LocalStack says that it is ready when its port is somebody else's."""
        try:
            listen(port)
        except error.CannotListenError as e:
            print(e, file=sys.stderr, flush=True)
            os._exit(1)

    tcp.Port.startListening = listen_or_end

    from localstack.runtime.main import main as run

    sys.argv = sys.argv[:1]
    run()


if __name__ == "__main__":
    main()
