package mapsize

import "reflect"

func mapReflectType[K comparable, V any]() reflect.Type { return reflect.TypeOf(map[K]V(nil)) }
