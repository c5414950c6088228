# One static program and no shell, like the image of this name in the registry.
FROM scratch
ENV HOME=/tmp
COPY kubectl /bin/
COPY directories /
ENTRYPOINT ["/bin/kubectl"]
