package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// These constants are from the kernel's headers; the standard library does not have them.
const (
	solPacket            = 263
	packetVnetHeader     = 15
	packetIgnoreOutgoing = 23
	tunSetInterface      = 0x400454ca
	tunSetOffload        = 0x400454d0
	tapWithVnetHeader    = 0x0002 | 0x1000 | 0x4000 // IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
	offloads             = 0x01 | 0x02 | 0x04       // TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6
)

// openCard opens a card to read and write its frames. The card and the tap pass on the header that says which checksums
// and segments are still to be made, because hosts on one machine leave both out.
func openCard(name string) (*os.File, error) {
	card, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	const all = syscall.ETH_P_ALL<<8 | syscall.ETH_P_ALL>>8
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	for _, option := range []int{packetVnetHeader, packetIgnoreOutgoing} {
		if err := syscall.SetsockoptInt(fd, solPacket, option, 1); err != nil {
			return nil, fmt.Errorf("packet socket: option %d: %w", option, err)
		}
	}
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: card.Index}); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func openTap(name string) (*os.File, error) {
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	// struct ifreq is a name of 16 bytes, followed by flags.
	var request [40]byte
	copy(request[:15], name)
	binary.NativeEndian.PutUint16(request[16:], tapWithVnetHeader)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tunSetInterface, uintptr(unsafe.Pointer(&request))); e != 0 {
		return nil, fmt.Errorf("tap %s: %w", name, e)
	}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tunSetOffload, offloads); e != 0 {
		return nil, fmt.Errorf("tap %s: offloads: %w", name, e)
	}
	return os.NewFile(uintptr(fd), name), nil
}
