// Copyright (c) 2026 Cloudnet contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// verdicts asks Cilium's own policy engine: worlds of policies and endpoints in, one verdict per side and question out.
// What the answers are for, and what the documents look like, is in the README beside this file.
package main

import (
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	"github.com/cilium/cilium/pkg/k8s"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	slimv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/policy/utils"
	porttypes "github.com/cilium/cilium/pkg/types"
	"github.com/cilium/cilium/pkg/u8proto"
)

const clusterName = "default"

// Numbers from here on are identities of addresses outside of the cluster, as the agents give them.
const firstLocalIdentity = 1 << 24

type endpoint struct {
	Labels  []string `json:"labels"`
	Address string   `json:"address"`
	Names   []string `json:"names"`
	// Ports are declared names: [protocol, name, number].
	Ports [][3]any `json:"ports"`
}

type world struct {
	Title     string            `json:"title"`
	DualStack bool              `json:"dual_stack"`
	Policies  []json.RawMessage `json:"policies"`
	Endpoints []endpoint        `json:"endpoints"`
	// Questions are [source, destination, protocol, port], the ends as places in Endpoints.
	Questions [][4]any `json:"questions"`
	// Answers are [egress, ingress], each "allowed", "denied", or "" where no agent judges; or a policy was refused.
	Answers [][2]string `json:"answers"`
	Refused string      `json:"refused,omitempty"`
}

// peer is an endpoint with the number that the engine knows it by.
type peer struct {
	id       *identity.Identity
	managed  bool
	namedTCP map[string]uint16
	namedUDP map[string]uint16
}

func main() {
	option.Config.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	option.Config.EnableIPv4 = true
	option.Config.EnableICMPRules = true
	api.InitEntities(clusterName)
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	slog.SetDefault(slog.New(slog.DiscardHandler))

	var worlds []world
	if err := json.NewDecoder(os.Stdin).Decode(&worlds); err != nil {
		fail(err)
	}
	for i := range worlds {
		if err := worlds[i].answer(); err != nil {
			worlds[i].Refused = err.Error()
			worlds[i].Answers = nil
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(worlds); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (w *world) answer() error {
	// Without IPv6 the world has one label, with it one for each family.
	option.Config.EnableIPv6 = w.DualStack
	logger := slog.New(slog.DiscardHandler)
	entries, err := entriesOf(logger, w.Policies)
	if err != nil {
		return err
	}
	peers, err := peersOf(w.Endpoints, entries)
	if err != nil {
		return err
	}
	known := identity.IdentityMap{}
	for _, peer := range peers {
		known[peer.id.ID] = peer.id.LabelArray
	}
	manager := identitymanager.NewIDManager(logger)
	repository := policy.NewPolicyRepository(logger, known, nil, nil, manager, nil)
	repository.GetSelectorCache().SetLocalIdentityNotifier(nobody{})
	repository.UpdateIdentities(known, nil)
	repository.SetNamedPortsGetter(getter{peers})
	repository.MustAddPolicyEntries(entries)
	for _, question := range w.Questions {
		source, destination := peers[int(question[0].(float64))], peers[int(question[1].(float64))]
		protocol, err := u8proto.ParseProtocol(question[2].(string))
		if err != nil {
			return err
		}
		result, _, _, err := policy.LookupFlow(logger, repository, manager, types.Flow{
			From: source.id, To: destination.id, Proto: protocol, Dport: uint16(question[3].(float64)),
			NamedPortsTCP: destination.namedTCP, NamedPortsUDP: destination.namedUDP,
		})
		if err != nil {
			return err
		}
		w.Answers = append(w.Answers, [2]string{
			judged(source.managed, result.Egress), judged(destination.managed, result.Ingress),
		})
	}
	return nil
}

func judged(managed bool, decision types.Decision) string {
	if !managed {
		return ""
	}
	return decision.String()
}

// entriesOf reads policies as an agent does, defaults and checks included.
func entriesOf(logger *slog.Logger, documents []json.RawMessage) (types.PolicyEntries, error) {
	var entries types.PolicyEntries
	for _, document := range documents {
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal(document, &kind); err != nil {
			return nil, err
		}
		var rules api.Rules
		var err error
		switch kind.Kind {
		case "NetworkPolicy":
			var object slimv1.NetworkPolicy
			if err = json.Unmarshal(document, &object); err != nil {
				return nil, err
			}
			found, err := k8s.ParseNetworkPolicy(logger, clusterName, &object)
			if err != nil {
				return nil, err
			}
			entries = append(entries, found...)
			continue
		case "CiliumNetworkPolicy":
			var object v2.CiliumNetworkPolicy
			if err = json.Unmarshal(document, &object); err != nil {
				return nil, err
			}
			object.UID = "uid"
			rules, err = object.Parse(logger, clusterName)
		case "CiliumClusterwideNetworkPolicy":
			var object v2.CiliumClusterwideNetworkPolicy
			if err = json.Unmarshal(document, &object); err != nil {
				return nil, err
			}
			object.UID = "uid"
			rules, err = object.Parse(logger, clusterName)
		default:
			err = fmt.Errorf("kind %q", kind.Kind)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, utils.RulesToPolicyEntries(rules)...)
	}
	return entries, nil
}

// peersOf gives endpoints identities. One outside gets, as in an agent's IP cache, a label for each prefix of a policy
// that covers its address and for each name in a policy that it was resolved from.
func peersOf(endpoints []endpoint, entries types.PolicyEntries) ([]peer, error) {
	var peers []peer
	for i, endpoint := range endpoints {
		array := labels.LabelArray{}
		for _, text := range endpoint.Labels {
			array = append(array, labels.ParseLabel(text))
		}
		outside := has(array, labels.LabelSourceReserved, "world") ||
			has(array, labels.LabelSourceReserved, "world-ipv4") || has(array, labels.LabelSourceReserved, "world-ipv6")
		if outside {
			more, err := outsideLabels(endpoint, entries)
			if err != nil {
				return nil, err
			}
			array = append(array, more...)
		}
		array = array.Sort()
		number := identity.NumericIdentity(1000 + i)
		if outside && len(array) > 1 {
			number = identity.NumericIdentity(firstLocalIdentity + i)
		}
		if reserved := identity.LookupReservedIdentityByLabels(array.Labels()); reserved != nil {
			number = reserved.ID
		}
		found := peer{id: identity.NewIdentityFromLabelArray(number, array)}
		found.managed = has(array, labels.LabelSourceK8s, "io.kubernetes.pod.namespace") ||
			has(array, labels.LabelSourceReserved, "init") || has(array, labels.LabelSourceReserved, "health")
		found.namedTCP, found.namedUDP = map[string]uint16{}, map[string]uint16{}
		for _, declared := range endpoint.Ports {
			table := found.namedTCP
			if declared[0].(string) == "UDP" {
				table = found.namedUDP
			}
			table[declared[1].(string)] = uint16(declared[2].(float64))
		}
		peers = append(peers, found)
	}
	return peers, nil
}

func has(array labels.LabelArray, source, key string) bool {
	for _, label := range array {
		if label.Source == source && label.Key == key {
			return true
		}
	}
	return false
}

func outsideLabels(endpoint endpoint, entries types.PolicyEntries) (labels.LabelArray, error) {
	found := map[string]labels.Label{}
	var address netip.Addr
	if endpoint.Address != "" {
		address = netip.MustParseAddr(endpoint.Address)
	}
	for _, entry := range entries {
		for _, selector := range entry.L3 {
			for _, prefix := range selector.GetCIDRPrefixes() {
				if address.IsValid() && prefix.Contains(address) {
					label, err := labels.IPStringToLabel(prefix.String())
					if err != nil {
						return nil, err
					}
					found[label.String()] = label
				}
			}
			if name, ok := selector.GetFQDNSelector(); ok {
				expression, err := name.ToRegex()
				if err != nil {
					return nil, err
				}
				for _, resolved := range endpoint.Names {
					if expression.MatchString(resolved + ".") {
						label := name.IdentityLabel()
						found[label.String()] = label
					}
				}
			}
		}
	}
	var array labels.LabelArray
	for _, label := range found {
		if label.Source != labels.LabelSourceReserved {
			array = append(array, label)
		}
	}
	return array, nil
}

// nobody listens for the names of policies.
type nobody struct{}

func (nobody) RegisterFQDNSelector(api.FQDNSelector) uint64   { return 0 }
func (nobody) UnregisterFQDNSelector(api.FQDNSelector) uint64 { return 0 }

// namedPorts tells the engine which number a port's name stands for at each peer.
type namedPorts []peer

func (ports namedPorts) GetNamedPorts(name string, protocol u8proto.U8proto, ids iter.Seq[identity.NumericIdentity]) porttypes.NidPortSeq {
	return func(yield func(identity.NumericIdentity, uint16) bool) {
		for id := range ids {
			for _, peer := range ports {
				table := peer.namedTCP
				if protocol == u8proto.UDP {
					table = peer.namedUDP
				}
				if peer.id.ID == id && table[name] != 0 && !yield(id, table[name]) {
					return
				}
			}
		}
	}
}

func (ports namedPorts) GetNamedPort(name string, protocol u8proto.U8proto, ids iter.Seq[identity.NumericIdentity]) (uint16, error) {
	for _, port := range ports.GetNamedPorts(name, protocol, ids) {
		return port, nil
	}
	return 0, porttypes.ErrUnknownNamedPort
}

func (ports namedPorts) Len() int { return len(ports) }

// getter is how the engine asks for them.
type getter struct{ ports namedPorts }

func (g getter) GetNamedPorts() porttypes.NamedPortMultiMap { return g.ports }
