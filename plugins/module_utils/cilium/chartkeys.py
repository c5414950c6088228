# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which minor version of the Cilium chart removed, renamed or brought which value, 1.14 to 1.20.

Measured: the values.yaml and values.schema.json of the newest chart of every minor, compared one with the next. The
replacements are from the charts' own messages and comments.
"""

from __future__ import annotations

OLDEST_MINOR = 14
NEWEST_MINOR = 20
"""The minors of 1.x that the tables and tests know. A newer chart is judged by its own values.yaml and these tables."""

# (minor in which it went, path, what to use instead; empty: nothing takes its place). Before that minor it works. A
# path stands for all below it.
REMOVED: tuple[tuple[int, str, str], ...] = (
    (14, "ipam.operator.clusterPoolIPv4PodCIDR", "ipam.operator.clusterPoolIPv4PodCIDRList"),
    (14, "ipam.operator.clusterPoolIPv6PodCIDR", "ipam.operator.clusterPoolIPv6PodCIDRList"),
    (15, "tunnel", "routingMode and tunnelProtocol"),
    (15, "clustermesh.apiserver.tls.ca.cert", "tls.ca.cert"),
    (15, "clustermesh.apiserver.tls.ca.key", "tls.ca.key"),
    (15, "clustermesh.apiserver.etcd.image", "clustermesh.apiserver.image"),
    (15, "clustermesh.apiserver.kvstoremesh.image", "clustermesh.apiserver.image"),
    (15, "enableK8sEventHandover", ""),
    (15, "enableCnpStatusUpdates", ""),
    (16, "encryption.keyFile", "encryption.ipsec.keyFile"),
    (16, "encryption.mountPath", "encryption.ipsec.mountPath"),
    (16, "encryption.secretName", "encryption.ipsec.secretName"),
    (16, "encryption.interface", "encryption.ipsec.interface"),
    (16, "proxy.prometheus.enabled", "envoy.prometheus.enabled"),
    (16, "proxy.prometheus.port", "envoy.prometheus.port"),
    (16, "endpointStatus", ""),
    (16, "remoteNodeIdentity", ""),
    (16, "containerRuntime", ""),
    (16, "egressGateway.installRoutes", ""),
    (16, "operator.skipCNPStatusStartupClean", ""),
    # The etcd that Cilium's own operator managed; etcd.endpoints of an own etcd remain.
    (16, "serviceAccounts.etcd", ""),
    *((16, f"etcd.{name}", "") for name in ("managed", "clusterSize", "clusterDomain", "k8sService", "image")),
    *((16, f"etcd.{name}", "") for name in ("annotations", "podAnnotations", "podLabels", "nodeSelector", "affinity")),
    *((16, f"etcd.{name}", "") for name in ("extraArgs", "extraVolumes", "extraVolumeMounts", "tolerations")),
    *((16, f"etcd.{name}", "") for name in ("podSecurityContext", "securityContext", "resources", "updateStrategy")),
    *((16, f"etcd.{name}", "") for name in ("podDisruptionBudget", "priorityClassName", "topologySpreadConstraints")),
    (17, "bgp", "bgpControlPlane"),
    (17, "externalIPs", "kubeProxyReplacement"),
    (17, "encryption.wireguard.userspaceFallback", ""),
    (18, "enableCiliumEndpointSlice", "ciliumEndpointSlice.enabled"),
    (18, "ciliumEndpointSlice.sliceMode", ""),
    (18, "hubble.relay.dialTimeout", ""),
    (18, "hubble.export.fileMaxSizeMb", "hubble.export.static.fileMaxSizeMb"),
    (18, "hubble.export.fileMaxBackups", "hubble.export.static.fileMaxBackups"),
    (18, "hostPort", "kubeProxyReplacement"),
    (18, "externalWorkloads", ""),
    (18, "highScaleIPcache", ""),
    (18, "loadBalancer.experimental", ""),
    (18, "enableK8sTerminatingEndpoint", ""),
    (18, "enableRuntimeDeviceDetection", ""),
    (18, "eni.updateEC2AdapterLimitViaAPI", ""),
    (18, "l2NeighDiscovery.refreshPeriod", ""),
    (19, "nodePort.enabled", "kubeProxyReplacement"),
    (19, "customCalls", ""),
    (19, "svcSourceRangeCheck", ""),
    (19, "clustermesh.apiserver.tls.client", ""),
    (19, "l2podAnnouncements.interface", "l2podAnnouncements.interfacePattern"),
    (20, "clustermesh.apiserver.tls.admin", "clustermesh.apiserver.tls.auto, or Secrets of your own"),
    (20, "clustermesh.apiserver.tls.remote", "clustermesh.apiserver.tls.auto, or Secrets of your own"),
    (20, "clustermesh.apiserver.tls.server.cert", "clustermesh.apiserver.tls.auto, or Secrets of your own"),
    (20, "clustermesh.apiserver.tls.server.key", "clustermesh.apiserver.tls.auto, or Secrets of your own"),
    (20, "clustermesh.apiserver.tls.server", "clustermesh.apiserver.tls.auto.server"),
    (20, "clustermesh.apiserver.tls.enableSecrets", ""),
    (20, "clustermesh.enableMCSAPISupport", "clustermesh.mcsapi.enabled"),
    (20, "encryption.strictMode.enabled", "encryption.strictMode.egress.enabled"),
    (20, "encryption.strictMode.cidr", "encryption.strictMode.egress.cidr"),
    (20, "encryption.strictMode.allowRemoteNodeIdentities", "encryption.strictMode.egress.allowRemoteNodeIdentities"),
    (20, "encryption.ipsec.encryptedOverlay", ""),
    (20, "hubble.redact.kafka", ""),
    (20, "hubble.ui.backend.livenessProbe", ""),
    (20, "hubble.ui.backend.readinessProbe", ""),
    (20, "preflight.tofqdnsPreCache", ""),
)

# Values that the templates read although no values.yaml, comment or schema names them, and helm's own `global`.
UNDOCUMENTED = frozenset(
    (
        *("clusterHealthPort", "clustermesh.disableKubernetesHostAliases", "cni.externalRouting", "hostServices"),
        *("encryption.wireguard.encapsulate", "etcd.affinity", "etcd.clusterSize", "etcd.managed"),
        *("hubble.export.fileCompress", "hubble.export.aggregationInterval", "iptablesRandomFully"),
        *("k8s.serviceProxyName", "loadBalancer.protocolDifferentiation", "monitor", "nonIdempotentAnnotations"),
        *("nodePort.directRoutingDevice", "nodeinit.revertReconfigureKubelet", "global"),
    )
)

# Values that a minor brought; older charts ignore them without a word. A path stands for all below it.
_BROUGHT = {
    15: """
        apiRateLimit authentication.mutual.connectTimeout authentication.mutual.spire.install.agent.image.digest
        authentication.mutual.spire.install.agent.image.override
        authentication.mutual.spire.install.agent.image.pullPolicy
        authentication.mutual.spire.install.agent.image.repository
        authentication.mutual.spire.install.agent.image.tag
        authentication.mutual.spire.install.agent.image.useDigest
        authentication.mutual.spire.install.existingNamespace authentication.mutual.spire.install.initImage
        authentication.mutual.spire.install.server.image.digest
        authentication.mutual.spire.install.server.image.override
        authentication.mutual.spire.install.server.image.pullPolicy
        authentication.mutual.spire.install.server.image.repository
        authentication.mutual.spire.install.server.image.tag
        authentication.mutual.spire.install.server.image.useDigest bgpControlPlane.secretsNamespace bpf.nodeMapMax
        clustermesh.apiserver.etcd.init.extraArgs clustermesh.apiserver.etcd.init.extraEnv
        clustermesh.apiserver.etcd.lifecycle clustermesh.apiserver.kvstoremesh.lifecycle
        clustermesh.apiserver.lifecycle clustermesh.apiserver.service.loadBalancerClass
        clustermesh.apiserver.terminationGracePeriodSeconds clustermesh.maxConnectedClusters
        enableMasqueradeRouteSource encryption.strictMode encryption.wireguard.persistentKeepalive hubble.export
        hubble.metrics.serviceMonitor.jobLabel hubble.redact hubble.relay.tls.server.relayName
        hubble.ui.backend.livenessProbe hubble.ui.backend.readinessProbe ingressController.enableProxyProtocol
        nodePort.enableHealthCheckLoadBalancerIP operator.prometheus.serviceMonitor.jobLabel policyCIDRMatchMode
        prometheus.controllerGroupMetrics prometheus.serviceMonitor.jobLabel serviceNoBackendResponse
    """,
    16: """
        bpf.datapathMode bpf.disableExternalIPMitigation bpf.enableTCX bpf.events ciliumEndpointSlice
        clustermesh.apiserver.etcd.storageMedium clustermesh.apiserver.healthPort
        clustermesh.apiserver.kvstoremesh.healthPort clustermesh.apiserver.kvstoremesh.readinessProbe
        clustermesh.apiserver.readinessProbe clustermesh.apiserver.service.enableSessionAffinity
        clustermesh.apiserver.tls.enableSecrets clustermesh.enableEndpointSliceSynchronization
        clustermesh.enableMCSAPISupport cni.enableRouteMTUForCNIChaining directRoutingSkipUnreachable
        encryption.ipsec.encryptedOverlay envoy.baseID envoy.debug envoy.initialFetchTimeoutSeconds
        envoy.log.accessLogBufferSize envoyConfig.retryInterval extraInitContainers forceDeviceDetection
        gatewayAPI.enableAlpn gatewayAPI.enableAppProtocol gatewayAPI.enableProxyProtocol
        gatewayAPI.externalTrafficPolicy gatewayAPI.gatewayClass gatewayAPI.hostNetwork gatewayAPI.xffNumTrustedHops
        hubble.dropEventEmitter hubble.metrics.serviceMonitor.tlsConfig hubble.metrics.tls
        hubble.relay.tls.client.existingSecret hubble.relay.tls.server.existingSecret
        hubble.tls.server.existingSecret hubble.ui.tls.client.existingSecret ingressController.hostNetwork
        ingressController.service.externalTrafficPolicy livenessProbe.requireK8sConnectivity nat nodeIPAM
        nodePort.addresses nodeSelectorLabels operator.hostNetwork preflight.readinessProbe
    """,
    17: """
        authentication.mutual.spire.install.agent.priorityClassName
        authentication.mutual.spire.install.server.priorityClassName bgpControlPlane.statusReport bpf.ctAccounting
        bpf.distributedLRU bpf.events.default bpf.lbAlgorithmAnnotation bpf.lbModeAnnotation
        bpf.lbSourceRangeAllTypes certgen.generateCA certgen.priorityClassName ciliumEndpointSlice.sliceMode
        clustermesh.apiserver.service.loadBalancerSourceRanges daemon.enableSourceIPVerification
        defaultLBServiceIPAM enableInternalTrafficPolicy enableLBIPAM enableNonDefaultDenyPolicies
        endpointLockdownOnMapOverflow envoy.bootstrapConfigMap envoy.httpRetryCount envoy.log.defaultLevel
        envoy.log.format_json envoy.maxConcurrentRetries envoy.policyRestoreTimeoutDuration
        healthCheckICMPFailureThreshold hubble.metrics.dynamic ipam.installUplinkRoutesForDelegatedIPAM
        ipam.multiPoolPreAllocation k8sClientRateLimit.operator k8sServiceLookupConfigMapName
        k8sServiceLookupNamespace loadBalancer.experimental namespaceOverride operator.prometheus.metricsService
        prometheus.metricsService scheduling tls.readSecretsOnlyFromSecretsNamespace tls.secretSync
        tls.secretsNamespace tunnelSourcePortRange
    """,
    18: """
        bandwidthManager.bbrHostNamespaceOnly bgpControlPlane.legacyOriginAttribute
        bgpControlPlane.routerIDAllocation bpf.policyStatsMapMax clustermesh.apiserver.kvstoremesh.kvstoreMode
        clustermesh.apiserver.metrics.serviceMonitor.etcd.scrapeTimeout
        clustermesh.apiserver.metrics.serviceMonitor.kvstoremesh.scrapeTimeout
        clustermesh.apiserver.metrics.serviceMonitor.scrapeTimeout
        clustermesh.apiserver.podDisruptionBudget.unhealthyPodEvictionPolicy clustermesh.policyDefaultLocalCluster
        cni.iptablesRemoveAWSRules configDriftDetection connectivityProbeFrequencyRatio
        debug.metricsSamplingInterval dnsProxy.preAllocateIdentities endpointPolicyUpdateTimeoutDuration
        envoy.httpUpstreamLingerTimeout envoy.livenessProbe.enabled envoy.prometheus.serviceMonitor.scrapeTimeout
        envoy.startupProbe.enabled envoy.streamIdleTimeoutDurationSeconds hubble.export.static.fileCompress
        hubble.export.static.fileMaxBackups hubble.export.static.fileMaxSizeMb
        hubble.metrics.serviceMonitor.scrapeTimeout hubble.networkPolicyCorrelation
        hubble.relay.podDisruptionBudget.unhealthyPodEvictionPolicy
        hubble.relay.prometheus.serviceMonitor.scrapeTimeout
        hubble.ui.podDisruptionBudget.unhealthyPodEvictionPolicy identityManagementMode k8sClientExponentialBackoff
        k8sServiceHostRef localRedirectPolicies operator.podDisruptionBudget.unhealthyPodEvictionPolicy
        operator.prometheus.serviceMonitor.scrapeTimeout preflight.envoy
        preflight.podDisruptionBudget.unhealthyPodEvictionPolicy prometheus.serviceMonitor.scrapeTimeout
        secretsNamespaceAnnotations underlayProtocol
    """,
    19: """
        alibabacloud.nodeSpec azure.nodeSpec bpf.monitorTraceIPOption bpf.policyMapPressureMetricsThreshold
        certgen.cronJob clustermesh.apiserver.service.externallyCreated clustermesh.cacheTTL clustermesh.mcsapi
        enableNoServiceEndpointsRoutable encryption.strictMode.egress encryption.strictMode.ingress
        encryption.ztunnel eni.nodeSpec envoy.clusterMaxConnections envoy.clusterMaxRequests envoy.initContainers
        envoy.maxGlobalDownstreamConnections envoy.useOriginalSourceAddress hubble.export.static.aggregationInterval
        hubble.export.static.fieldAggregate hubble.relay.pprof.blockProfileRate
        hubble.relay.pprof.mutexProfileFraction hubble.ui.tmpVolume ipam.nodeSpec nodeinit.waitForCloudInit
        operator.pprof.blockProfileRate operator.pprof.mutexProfileFraction operator.prometheus.tls
        operator.unmanagedPodWatcher.selector pmtuDiscovery.packetizationLayerPMTUDMode policyDenyResponse
        pprof.blockProfileRate pprof.mutexProfileFraction secretsNamespaceLabels serviceAccounts.corednsMCSAPI
        serviceAccounts.ztunnel standaloneDnsProxy tmpVolume
    """,
    20: """
        certgen.enforceCAValidityThroughoutLeavesDuration clustermesh.apiserver.etcdQPS
        clustermesh.apiserver.kvstoremesh.etcdQPS clustermesh.apiserver.tls.auto.privateKey
        clustermesh.apiserver.tls.auto.server clustermesh.apiserver.tls.auto.subject
        clustermesh.defaultGlobalNamespace datapathPlugins encryption.ztunnel.ca encryption.ztunnel.minReadySeconds
        envoy.clusterMaxPendingRequests envoy.livenessProbe.initialDelaySeconds envoy.livenessProbe.timeoutSeconds
        envoy.log.accessLogEnabled envoy.minReadySeconds envoy.nodeLocality envoy.readinessProbe.initialDelaySeconds
        envoy.readinessProbe.timeoutSeconds envoy.startupProbe.initialDelaySeconds envoy.startupProbe.timeoutSeconds
        envoy.xdsMode gatewayAPI.useRemoteAddress hubble.hostUsers hubble.tls.auto.privateKey
        hubble.tls.auto.subject ingressController.hostNetwork.httpPort ingressController.hostNetwork.httpsPort
        ingressController.hostNetwork.tlsPassthroughPort ingressController.useRemoteAddress
        ingressController.xffNumTrustedHops k8sClusterNetworkPolicy minReadySeconds nativeRoutingCIDRFromClusterPool
        nodePort.enableDynamicSourceLookup nodeinit.minReadySeconds operator.hostUsers preferIpv6
        standaloneDnsProxy.minReadySeconds
    """,
}
ADDED: dict[str, int] = {path: minor for minor, text in _BROUGHT.items() for path in text.split()}
"""path -> the minor that brought it."""


def added_in(path: str) -> int:
    """The minor that brought a value; 0 when every supported chart has it or none does."""
    parts = path.split(".")
    above = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((ADDED[candidate] for candidate in above if candidate in ADDED), 0)


def before_rename(path: str, minor: int) -> str:
    """What a value was called in the chart 1.minor, where a later minor renamed it; empty when it was not."""
    names = [gone for went, gone, instead in REMOVED if went > minor and path in instead.split(" and ")]
    return names[0] if names else ""
